"""p(y | z): closed form first, trained where that is better.

ridge, bilinear, retrieval           in closed form
likelihood, raw_likelihood, flow, generator, conv_generator, text_rnn    trained
"""
