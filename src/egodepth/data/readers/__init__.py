"""One file for each kind of data set; `egodepth.data.registry` lists them."""
