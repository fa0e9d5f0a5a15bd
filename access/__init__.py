"""Who may do what: the operations store that it is written in, and the tokens of devices."""
