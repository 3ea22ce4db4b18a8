FROM busybox
ENV S=a T=/tt
COPY ${S}.txt $T/
COPY [ "${S}.txt", "$T/json" ]
WORKDIR $T/w
ADD $S.txt .
