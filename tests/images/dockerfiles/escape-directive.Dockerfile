# escape=`
FROM busybox
RUN echo a `
 > /a
ENV A=c:\x B="a`"b"
WORKDIR c:\dir
