"""Mails that everybody may read again: who decides, where they are, and what stands in them."""
