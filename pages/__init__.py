"""What HTML pages are made of: one style, tables, line charts, and a page that holds all it needs."""
