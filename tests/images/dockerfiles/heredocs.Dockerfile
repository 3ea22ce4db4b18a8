# not for the classic builder
FROM busybox
ENV V=value
COPY <<one <<"two" /h/
$V and ${V}
one
$V stays
two
COPY --chmod=751 --chown=3:4 <<-three.sh /bin-of-mine
	#!/bin/sh
	echo three
three.sh
RUN <<EOF
echo first > /ran
echo second >> /ran
EOF
RUN cat <<EOF > /cat && echo after >> /cat
in $V
EOF
RUN <<EOF sh
echo through sh > /sh
EOF
RUN <<EOF
#!/bin/sh
echo "script $0" | sed 's/[^ ]*$//' > /script
EOF
