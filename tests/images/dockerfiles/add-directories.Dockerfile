FROM busybox
ADD d /dd
ADD d/ a.txt /de/
