FROM scratch
COPY a.txt /
ENV A=1
WORKDIR /w
CMD ["/a"]
