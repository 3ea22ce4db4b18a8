FROM busybox
COPY . /ctx
COPY ./ /ctx2/
COPY /d /ctx3
COPY //d// /ctx4
COPY ./d/../a.txt /ctx5
