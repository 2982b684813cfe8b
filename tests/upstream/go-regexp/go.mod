module kubectl-esc/oracle/patterns

go 1.26
