# not for the classic builder
FROM busybox
COPY --parents d/x d/deep/y /p1/
COPY --parents ./d/./deep /p2/
COPY --exclude=x --exclude=deep d /e1/
COPY --exclude=*.txt . /e2/
COPY --link a.txt /l1
COPY --link --chown=5:6 d /l2/
COPY --chmod=u=rwX,go=rX d /m1/
COPY --chmod=640 a.txt /m2
ADD --unpack=false t.tar /u/
ADD --link t.tar /u2/
