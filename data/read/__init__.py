"""Files of the user's -> rows: encodings, lines, separated values, workbooks, conversations, and what is told of them."""
