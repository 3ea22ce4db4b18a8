"""Log drivers that deliver elsewhere: syslog, journald, fluentd, gelf.

The supervisor writes every container's output into its log file as ever; a `Shipper` in the engine reads that
file and delivers what is in it. So a destination that is slow or away never holds a container up, `logs`
shows what was delivered, and an engine that is killed goes on where it was.
"""
