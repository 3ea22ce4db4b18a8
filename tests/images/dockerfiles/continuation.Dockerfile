FROM busybox
RUN echo a \
  # comment
  
  && echo b > /b
RUN echo "x\
y" > /xy
ENV A=1 \
    B=2
RUN echo a \ 
  b > /ab
