module larkfold.example/stage

go 1.22
