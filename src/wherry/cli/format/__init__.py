"""How lists and values are shown: tables, sizes and times for people, templates for programs."""
