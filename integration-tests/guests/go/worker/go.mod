module tollgate.test/guests/go

go 1.24
