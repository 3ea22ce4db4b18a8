FROM busybox AS b
ONBUILD RUN echo hi > /hi
ONBUILD ENV X=1
FROM b
RUN echo $X > /x
