"""Thin typed calls to the kernel. Standard library only; every floor above stands on these modules."""
