"""One module per confirmatory hypothesis: from tables to its estimates.

The notebooks show what these functions return, and the validation repeats the very same functions
on simulated providers, so that what is validated is what is published.
"""
