FROM busybox
COPY a.txt /one
COPY a.txt d /two/
COPY d /three
COPY d/ /four/
COPY *.txt /five/
COPY l* /six/
COPY --chown=12:34 d /seven
COPY a.txt /tmp
COPY d /etc
ADD t.tar /nine
ADD a.txt /ten
COPY link /eleven
COPY ["with space", "/twelve/"]
WORKDIR /made/by/workdir
COPY a.txt rel/
