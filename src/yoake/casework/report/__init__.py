"""Reports to authorities: police, labour bureaus, hotlines here and abroad; and the fast lane where somebody is in danger.

Nouns: Report (with its OutboxItem, which carries the states), EmergencyCall (what a person did first). Shelf `recipients/`,
contract `recipient.py`: each proposes bodies of the registers for a case, with the reasons; a person chooses one. The package
is a cover sheet, the item's address, and the evidence encrypted to the recipient. After it was handed over: acknowledged,
then a result. Nothing is reported by itself, and nothing to a body whose contact nobody confirmed.
"""
