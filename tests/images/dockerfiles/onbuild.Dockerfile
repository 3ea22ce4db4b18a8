FROM busybox
ONBUILD RUN echo hi > /hi
ONBUILD COPY a.txt /onb
ONBUILD ENV X=1
onbuild workdir /zz
