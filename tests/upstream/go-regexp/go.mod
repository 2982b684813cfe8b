module kubectl-esc/go-regexp

go 1.26
