"""Where frames come from: readers of every data set behind one interface, the store, the sampler, augmentation."""
