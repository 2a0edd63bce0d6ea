"""Whether the judge is still to be trusted, and how it gets better: Alarm, Sample, TermProposal, ScoreCount, HashedPost.

The patrol counts what the detector says (`intake.py`), the worker looks at the counts (`looking.py`): drift and a fall in
precision raise an Alarm, which stays open until a supervisor closes it; nothing here switches a detector off. A Sample
is a post that was not queued, drawn by lot for blind review: waiting, decided, or gone after 7 days. A TermProposal is
proposed, accepted (then it is a draft of `wording`, tried, and for a second person to approve) or rejected. Decisions
become training rows (`lessons.py`). Models go into service and back through `service.py`: StoredModel, Benchmark, ModelCheck, ShadowCount, ModelChange.
"""
