from busybox as One
run echo x > /x
FROM busybox
copy --from=one /x /y
Cmd ["x"]
