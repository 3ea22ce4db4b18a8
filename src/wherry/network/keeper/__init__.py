"""The keeper: one small process that answers for names and holds published ports while engines come and go.

It has no privilege and enters no namespace: every socket it serves was made by the engine (in a container's
network namespace, or the host's) and handed to it. Standard library only.
"""
