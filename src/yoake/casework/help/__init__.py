"""Help for somebody who may be in danger: handed over to those who help, told to the network, written to; never warned.

Nouns: HandOver (with its OutboxItem, which carries the states) and Settled (why nobody is told). A hand-over goes to a desk of
the registers (a person calls, and writes down who took it over), to the network's own safety report, in a private message,
or, only by a supervisor and a second person, in a public reply that says nothing of the person and goes by itself. A clock in
minutes runs from the decision until somebody who helps was told, and from then until they said that they have it.
"""
