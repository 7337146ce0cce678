"""A bench as one HTML page: what was gained and lost, how sure that is, and the texts behind it. Nothing outside the page is asked for."""
