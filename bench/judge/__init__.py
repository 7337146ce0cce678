"""From scores to judgements: intervals, significance, what a score counts toward, the named columns, `--require`. Nothing is encoded here."""
