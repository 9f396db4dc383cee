module larkfold.example/queue

go 1.22
