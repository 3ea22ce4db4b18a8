"""Files in and out of containers (`cp`): a small process of its own, which enters the container's view.

Every module of it is loaded before it enters, and nothing is imported, looked up or executed afterwards:
what a container put into its own file system is data, never code (CVE-2019-14271). Paths are resolved by
the kernel inside the container's root and used by descriptor, so links that change meanwhile lead nowhere
(CVE-2018-15664). Standard library and `wherry.linux`, `wherry.store.tar` only.
"""
