ARG G=1
ARG H=${G}2
FROM busybox
ARG G
ARG H=own
ARG I=${G}-${H}
ARG J
ARG K= L="q q"
RUN echo "$G $H $I ${J-unset} ${K-unset} $L" > /args
ENV G=env
ARG G=arg2
RUN echo $G > /g
