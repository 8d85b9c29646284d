"""Metres for depth that was learned up to scale, from one known length, with an error bar.

Each source looks at frames and says of each how many metres a unit of the model's depth is; `estimates` makes one
factor and its spread of them; `finding` keeps both in the model's card, whose depth limits they multiply.
"""
