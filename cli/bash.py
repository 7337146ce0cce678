"""Completion for bash, taught that a reference, a setting and a Hub id are one word each. Importing this module puts it in place of click's."""

from __future__ import annotations

import os

from click.shell_completion import BashComplete, CompletionItem, add_completion_class


class WholeWordBash(BashComplete):
    """Completion for bash, whose words end at blanks alone: by itself it takes `legal@1`, `epochs=2` and `hf:a/b` for several words."""

    source_template = BashComplete.source_template.replace(
        'env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD',
        'env COMP_LINE="${COMP_LINE:0:$COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD',
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is being typed, and that one."""
        from click.shell_completion import split_arg_string

        line = os.environ.get("COMP_LINE")
        if line is None:
            return super().get_completion_args()
        words = split_arg_string(line)
        incomplete = "" if line[-1:].isspace() or len(words) < 2 else words.pop()
        breaks = [incomplete.rfind(each) for each in os.environ.get("COMP_WORDBREAKS", "") if each in "@=:"]
        self._kept = max([-1, *breaks]) + 1
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Leave out what stands before bash's own word, which stays on the line."""
        value = item.value if item.type != "plain" else item.value[getattr(self, "_kept", 0) :]
        return super().format_completion(CompletionItem(value, item.type))


add_completion_class(WholeWordBash)
