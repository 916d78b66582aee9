"""Forms by which people sign up by themselves: built by owners, filled in by visitors."""
