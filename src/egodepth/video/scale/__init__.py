"""Find the metric scale of depth that was learned up to scale, from one known length, with an error bar.

`sources` measure for each frame how many metres a unit of the model's depth is. `estimates` combines these to one
factor and its uncertainty. `finding` stores both in the model's card, whose depth limits they multiply.
"""
