"""To whom something can be sent: public bodies, operators, networks, hotlines, consultation desks, and official accounts.

Nouns: Body, Contact, OfficialAccount. Registers are data: a file of `shipped/` a kind, names only where no source gives
an address. An organisation adds bodies of its own and lays contacts over all of them: filled in by one who oversees,
in force once an administrator confirmed where it is from and when that was checked, until somebody withdraws it.
Nothing is sent to what nobody confirmed (`queries.must_be_verified`).
"""
