"""A bench's result for people: as text for the terminal, and as one HTML page with the texts behind the scores, which asks for nothing outside."""
