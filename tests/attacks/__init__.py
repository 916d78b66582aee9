"""What somebody with bad intent would try, beyond what each feature's own tests try of it.

`docs/attacks.md` says for each attack which test shows that it fails.
"""
