"""Undoes disguises and reads small facts out of text: folding, phrases, amounts, the six items of a job ad.

Everything here works on whole Arrow columns first (kernels) and touches single posts in Python only for the few
that matter. Every position handed out is a code point of the original text, however much folding changed it.
"""
