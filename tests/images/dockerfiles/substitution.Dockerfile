# not for the classic builder
FROM busybox
ARG V=a.b.c
ENV A=${V#*.} B=${V##*.} C=${V%.*} D=${V%%.*} E=${V/./-} F=${V//./-} G=${NO-def} H=${V-x} I=${V+set}
RUN env | grep -E '^[A-Z]=' | sort > /environment
