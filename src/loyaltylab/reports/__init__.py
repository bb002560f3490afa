"""From a notebook to a page: strict run, normalised copy, one offline HTML file."""
