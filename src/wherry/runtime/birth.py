"""Cloning a process into its control group."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from wherry.linux import namespaces

if TYPE_CHECKING:
    from wherry.runtime.launcher import Cgroup

# Where a clone can't put the child into a cgroup: not in this kernel, not allowed (by a filter, or by where
# the caller stands), not in a cgroup of threads.
_CANNOT = frozenset(
    {errno.ENOSYS, errno.EPERM, errno.EACCES, errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP, errno.E2BIG}
)


def clone(flags: int, cgroup: Cgroup | None) -> int:
    """As `namespaces.clone`, the child being in `cgroup` from its first moment.

    Where the kernel can't do that the caller is moved there first, and stays. Raises OSError.
    """
    if cgroup is None:
        return namespaces.clone(flags)
    doors = cgroup.doors()
    try:
        child = namespaces.clone(flags, doors.tree)
    except OSError as error:
        doors.close()
        if error.errno not in _CANNOT:
            raise
        cgroup.add(os.getpid())
        return namespaces.clone(flags)
    try:
        if child == 0:
            doors.enter()
    finally:
        doors.close()
    return child
