FROM busybox
ENV A='a b' B="x\"y" C=a\ b D='$HOME' E="$PATH" F=\$PATH
ENV G "quoted old" form
ENV H='single'"double"bare I=  J=x
ENV K=${A:+yes} L=${NO:-def}
ENV A=changed B=$A
ENV P=$A$B${A}x R=\\x S='\\x' T="\\x"
RUN env | grep -E '^[A-Z]=' | sort > /environment
