FROM busybox
	RUN	echo	a	>	/a
  ENV	A	b	c
COPY	a.txt	/t
