"""Other formats than CSV: each is read as a stream of rows and kept as the CSV that imports read.

Nothing here knows the database or the web. Whatever the bytes are, the answer is rows or
`Unreadable` with a reason for a person; memory and time are bounded by the limits in `limits`.
"""
