# What tells one family of split patterns from another.

ctypedef struct Scheme:
    int contractions  # 0: none; 1: 's 't 'm 'd 'll 've 're; 2: the same in any case
    bint cased_letters  # a run of letters and marks is capitals, then small letters; a contraction may end it
    bint any_letter_prefix  # letters take one character before them, any but \r, \n, letters, digits; else a space
    int digit_group  # at most so many digits a word; 0: a run of digits, which may take a space before it
    bint newline_tail  # a run of punctuation keeps the \r and \n that follow it
    bint slash_tail  # and the / among them
    bint newline_runs  # white space up to its last \r or \n is a word
    bint whole_trailing_space  # white space at the end of the text is one word, newlines or not
