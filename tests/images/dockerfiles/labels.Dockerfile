FROM busybox
LABEL a=1 b="two words" c='x' d=e\ f "key with space"="v" g=
LABEL multi="line1 \
line2" x=y
LABEL old style value
LABEL a=2
LABEL quotes="a\"b'c"
