"""What is seen: the shell, panels, pages, controls and the theme."""
