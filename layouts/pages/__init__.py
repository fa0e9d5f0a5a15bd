"""Every module here is one page; the folder is the list."""
