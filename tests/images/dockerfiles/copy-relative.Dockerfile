FROM busybox
WORKDIR /w
COPY a.txt .
COPY a.txt ./b.txt
COPY d ..
COPY l.txt ../up.txt
